//! Matrix families, residual ratios and oracles.
