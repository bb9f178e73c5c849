"""Exporters are killed, cut off and taken over at random; an oracle tells what they missed."""
