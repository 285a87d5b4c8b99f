"""The official clients judge the test server: ``make conformance``."""
