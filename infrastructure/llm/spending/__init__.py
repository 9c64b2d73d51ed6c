"""What models cost: the prices of a call, the books of a day, and the budgets that hold it."""
