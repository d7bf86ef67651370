"""The server of Tashika: a validation authority under agreement."""
