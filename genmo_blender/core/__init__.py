"""Retargeting and time without bpy: functions on numpy arrays, tested outside Blender."""
