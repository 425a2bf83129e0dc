"""What is sold and by which codes it is found: products, drafts, barcodes, labels of scales."""
