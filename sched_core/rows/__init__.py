"""Row form: a function of one pod row and one node row becomes a loop over the columns, fused with the others."""
