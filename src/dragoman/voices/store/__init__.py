"""Where voice profiles are kept: a SQLite file by default, PostgreSQL where several daemons share them."""
