"""Events with their decoders, in modules of their own: several subsystems may subscribe to them."""
