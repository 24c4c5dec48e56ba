"""The build side: a checkpoint goes in, a bundle comes out."""
