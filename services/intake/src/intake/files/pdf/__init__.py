"""PDF, taken apart and made anew from lists of what may stay; one module for each kind of object."""
