"""The people in a video: found, told apart, followed, and their keypoints, without Blender."""
