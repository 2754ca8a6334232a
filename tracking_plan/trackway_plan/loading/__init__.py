"""A directory of YAML files to a `Plan`: read with places (`nodes`), part by part, checked as a whole (`checks`)."""
