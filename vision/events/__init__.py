"""From boxes to visits: tracking, zones and lines, and what is told of them; pure, no Redis."""
