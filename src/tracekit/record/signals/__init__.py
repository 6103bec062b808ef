"""Signal definitions, one module per topic; `tracekit.record.signal.SIGNALS` lists the modules."""
