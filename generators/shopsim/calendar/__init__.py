"""Time in the simulation: time zones, holidays, seasons and campaigns as traffic per hour."""
