"""What `benches/bench` is made of: run, measure, write the page."""
