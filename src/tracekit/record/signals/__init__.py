"""Signal definitions, a module a topic; `tracekit.record.signal.SIGNALS` lists the modules."""
