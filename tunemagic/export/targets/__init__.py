"""One module for each thing that a model can be exported as; ``kinds`` lists them."""
