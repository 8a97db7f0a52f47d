"""Looking after a running system: `sparring verify`, `deadletters`, `index`."""
