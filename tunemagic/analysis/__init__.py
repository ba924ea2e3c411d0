"""Views turned into what a screen or a page says: plain numbers and words, no drawing."""
