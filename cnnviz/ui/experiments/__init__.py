"""One room per page: its controls, its one call, its pictures and its lesson."""
