"""From Kafka to the sinks: consumer loop, worker processes, dead letters, lag and rebuilds."""
