raise RuntimeError("while importing")
