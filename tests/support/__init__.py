"""What the tests share: servers behind them and ways to wait."""
