"""What steps of several workflows share: a build of the warehouse, results of checks, files that become a table."""
