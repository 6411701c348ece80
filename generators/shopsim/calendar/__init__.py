"""Time in the simulation: time zones, public holidays, and traffic per hour with seasons and campaigns."""
