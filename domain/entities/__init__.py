"""What the agents keep and talk about: the board, tickets, specifications, code."""
