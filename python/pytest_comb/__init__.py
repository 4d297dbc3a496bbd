"""pytest-comb: the plugin half of comb. Thin glue between pytest's hooks and the C library."""
