"""Ways a notification leaves the platform: mail and webhook."""
