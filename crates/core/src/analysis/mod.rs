//! Which analyses are asked for, one pass over a chunk of samples, merge of chunks into a summary.
