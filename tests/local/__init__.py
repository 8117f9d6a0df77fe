"""Tests of the development trace service, the scripted provider and the demo."""
