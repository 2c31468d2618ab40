"""What a workspace needs beside the bundle, done from outside it."""
