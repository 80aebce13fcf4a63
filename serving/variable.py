"""What the server's start tells its workers, by environment variables."""

WORKERS = "HOLDFAST_WORKERS"
# The folder in which they find each other (serving.crew), and in it the customer that a first request names.
SERVER, EXAMPLE = "HOLDFAST_SERVER", "example"
# A file that audit lines are appended to; without it, standard error.
AUDIT = "HOLDFAST_AUDIT"
