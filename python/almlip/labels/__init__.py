"""Labels from first principles: energies, forces and stresses of a batch of structures."""
