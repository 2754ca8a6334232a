"""Plans at a revision: a directory, a release number or a Git ref (`named`), and proof that none was rewritten."""
