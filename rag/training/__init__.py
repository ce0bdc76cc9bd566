"""How the reader's weights are made. No other room imports this one."""
