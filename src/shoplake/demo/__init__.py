"""The whole path in one go: build, fill, stream, prove, and show what the shop did."""
