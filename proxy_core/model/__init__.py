"""From Services, EndpointSlices and a Node to what each backend renders; no I/O, no clock."""
