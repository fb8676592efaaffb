"""What no policy can beat: bounds on packing from linear programs (optional extra ``bounds``)."""
