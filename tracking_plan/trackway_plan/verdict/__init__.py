"""
The verdict on an event: `validator` is asked, `fast` says yes to almost every good event, `schema` has the last word,
and `explain` puts what it found into words.
"""
