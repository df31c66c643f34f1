"""What every service shares: mechanism only, never policy of one service."""
