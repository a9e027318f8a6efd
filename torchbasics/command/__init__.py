"""What every command shares: settings, run folders, signals, errors, terminal."""
