import streamlit as st

VERSION = "1"
st.title(f"version {VERSION}")
