"""Methods that solve an eigenproblem or a least-squares problem: no steps, no seeds."""
