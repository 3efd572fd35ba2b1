"""What pages, API and commands ask about scans. A question changes nothing."""
