"""How fast the service is, shown so that anybody can see it again; docs/benchmarks.md leads in."""
