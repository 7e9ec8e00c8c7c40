"""Gemini CLI's chats: documents that are rewritten, or lines that patch and repeat what came before."""
