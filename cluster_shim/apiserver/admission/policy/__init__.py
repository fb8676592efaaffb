"""Admission policies: ValidatingAdmissionPolicy and MutatingAdmissionPolicy, whose rules are expressions (api/cel)."""
