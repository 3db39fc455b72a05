"""Contrast and joint embedding: views of one item agree, without agreeing on everything."""
