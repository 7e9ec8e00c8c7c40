"""What tokens cost: a dated book of prices, what its owner has agreed otherwise, and names as the book knows them."""
