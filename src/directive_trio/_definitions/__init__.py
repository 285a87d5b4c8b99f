"""Floor 0, DECLARE: what a program says about itself. Plain data, no trio, nothing runs."""
