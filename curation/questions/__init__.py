"""What pages, API and commands ask about several nouns at once. A question changes nothing."""
