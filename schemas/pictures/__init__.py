"""PICTURES as a model's inputs. Pure.

inputs     which input takes a picture, and what the others get
placement  the picture's position in the input
"""
